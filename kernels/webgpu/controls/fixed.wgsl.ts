/**
 * WGSL of steps of a fixed size. Spans hold h and then, of every save time, the steps from the one before;
 * `track.time0` counts steps.
 */
import { DIGIT_BITS } from '../../report.js';

export const fixedText = /* wgsl */ `
fn stepsInSpan() -> u32 { return memory[spansAt + 1u + track.saves]; }

fn progress() -> vec3<u32> {
  if (track.saves == call.saves) { return vec3<u32>(); }
  // time0 / steps in two words of binary digits, by long division.
  let steps = stepsInSpan();
  var rest = track.time0;
  var digits = vec2<u32>();
  for (var i = 0; i < ${2 * DIGIT_BITS}; i++) {
    rest *= 2u;
    digits[i / ${DIGIT_BITS}] *= 2u;
    if (rest >= steps) {
      rest -= steps;
      digits[i / ${DIGIT_BITS}]++;
    }
  }
  return vec3<u32>(digits, 0u);
}

fn plan() {
  next = Plan(true, word(spansAt), 0.0, track.time0 + 1u >= stepsInSpan(), 0u, false, false, -1);
}

fn decide(step: Plan, squares: vec4f, inRange: bool) -> bool { return inRange; }

fn advance(step: Plan) { track.time0++; }

fn arrive() {}

fn outcomeOfRejection(inRange: bool) -> u32 { return DIVERGED; }
`;

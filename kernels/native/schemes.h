// The steps of the schemes on a machine (machine.h), as kernels/cpu/twin.ts takes them: each makes slots NEXT and, where
// slopes are carried on, NEXT_SLOPE, and measures the step.
#pragma once
#include "machine.h"
#include "track.h"

namespace {

template <class M> struct Schemes {
  M &z;
  const Parameters &p;
  const double *const coefficients = z.template in<double>(p.coefficients);
  /** Squared norm of a factor that does not move. */
  double frozen = 0;

  /** Sets the first step where its error chooses it, and what a stabilized scheme begins with. */
  void begin(Track &track) {
    if (p.control == CONTROL_FIXED) return;
    const double size = z.norm(STATE), rate = z.movingNorm(SLOPE);
    const double h0 = firstGuess(size, rate);
    Terms euler;
    euler.add(1, STATE);
    euler.add(h0, SLOPE);
    z.combine(NEXT, euler);
    const double change = difference(NEXT, NEXT_SLOPE, SLOPE);
    track.peak = rate;
    track.evaluations = 2;
    track.proposal = startingStep(p, h0, rate, change / h0, size);
    if (p.scheme != SCHEME_CHEBYSHEV) return;
    z.copy(DIRECTION, SLOPE);
    double radius = NAN;
    for (int k = 0; k < FIRST_ITERATIONS; k++) {
      radius = iterate(STATE, SLOPE, size, rate);
      z.take(DIRECTION, NEXT_DIRECTION);
    }
    track.evaluations += FIRST_ITERATIONS;
    track.radius = spectralRadius(radius, track.radius);
  }

  /** Evaluates what is carried from step to step and not kept in the memory. */
  void resume() {
    if (p.sharesLast) z.evaluate(STATE, PART_BOTH, SLOPE, NONE, 0, Terms(), false, false);
  }

  Measured attempt(const Step &step) {
    switch (p.scheme) {
    case SCHEME_GRADIENT_DESCENT: return gradientDescent(step);
    case SCHEME_RUNGE_KUTTA: return rungeKutta(step);
    default: return chebyshev(step);
    }
  }

  /** Moves on to where the tried step led. */
  void accept(const Step &step) {
    z.take(STATE, NEXT);
    if (p.sharesLast) z.take(SLOPE, NEXT_SLOPE);
    if (step.iterates) z.take(DIRECTION, NEXT_DIRECTION);
  }

private:
  double sizeOf(double movingSquare) const { return z.norm(NEXT, movingSquare + frozen); }

  /** Slot `out` gets the slope at `at` less slot `less`; returns its norm. */
  double difference(int at, int out, int less) {
    Terms terms;
    terms.add(-1, less);
    return z.movingNorm(out, z.evaluate(at, PART_BOTH, NONE, out, 1, terms, false, true).out);
  }

  /** Both factors at once, or the one with the other's new value. */
  Measured gradientDescent(const Step &step) {
    Terms before;
    before.add(1, STATE);
    const int lead = p.lead;
    // With a frozen factor, all orders are one.
    if (lead == PART_BOTH || p.moving != PART_BOTH) {
      const Squares s = z.evaluate(STATE, PART_BOTH, SLOPE, NEXT, step.h, before, true, true);
      return {sizeOf(s.out), z.movingNorm(SLOPE, s.slope)};
    }
    const int other = PART_BOTH - lead;
    const Squares first = z.evaluate(STATE, lead, SLOPE, OTHER, step.h, before, true, true);
    z.copyPart(OTHER, STATE, other);
    const Squares second = z.evaluate(OTHER, other, SLOPE, NEXT, step.h, before, true, true);
    z.copyPart(NEXT, OTHER, lead);
    return {sizeOf(first.out + second.out), z.movingNorm(SLOPE, first.slope + second.slope)};
  }

  /** An explicit method, whose tableau is in the coefficients. Inputs of stages take turns, so that the last is NEXT. */
  Measured rungeKutta(const Step &step) {
    const int stages = p.stages;
    const bool shares = p.sharesLast, estimates = p.control != CONTROL_FIXED;
    auto slopeOf = [&](int j) { return j == 0 ? SLOPE : j == stages - 1 ? NEXT_SLOPE : INNER + j - 1; };
    auto inputOf = [&](int i) { return (stages - i - shares) % 2 == 0 ? NEXT : OTHER; };
    /** A row of the tableau: the state and the first `count` slopes. */
    auto row = [&](int r, int count) {
      Terms terms;
      terms.add(1, STATE);
      for (int j = 0; j < count; j++) terms.add(step.h * coefficients[r * stages + j], slopeOf(j));
      return terms;
    };
    Measured measured;
    if (shares) z.combine(inputOf(1), row(0, 1));
    if (shares && stages == 2) measured.size = z.norm(NEXT);
    for (int i = shares ? 1 : 0; i < stages; i++) {
      const bool last = i == stages - 1;
      if (last && shares) {
        // The slope at NEXT, and with it the error.
        const double *weights = coefficients + stages * stages;
        Terms terms;
        if (estimates)
          for (int j = 0; j < i; j++) terms.add(weights[j], slopeOf(j));
        const Squares s = z.evaluate(NEXT, PART_BOTH, NEXT_SLOPE, estimates ? ERROR : NONE, weights[i], terms, true, estimates);
        measured.rate = z.movingNorm(NEXT_SLOPE, s.slope);
        if (estimates) measured.errorRate = z.movingNorm(ERROR, s.out);
        if (estimates && p.twoErrors) {
          Terms low;
          for (int j = 0; j < stages; j++) low.add(weights[stages + j], slopeOf(j));
          z.combine(ERROR, low);
          measured.errorRate = errorOfTwo(measured.errorRate, z.movingNorm(ERROR));
        }
        break;
      }
      const int out = inputOf(i + 1);
      const bool ends = out == NEXT && i == stages - 1 - shares;
      const Squares s = z.evaluate(i == 0 ? STATE : inputOf(i), PART_BOTH, last && i > 0 ? NONE : slopeOf(i), out,
                                   step.h * coefficients[i * stages + i], row(i, i), i == 0, ends);
      if (i == 0) measured.rate = z.movingNorm(SLOPE, s.slope);
      if (ends) measured.size = sizeOf(s.out);
    }
    return measured;
  }

  /** A stabilized step, of as many stages as the plan asks for. */
  Measured chebyshev(const Step &step) {
    const double h = step.h, *at = coefficients + (2 * step.stages - 1) * (step.stages - 2);
    Terms first;
    first.add(1, STATE);
    first.add(h * *at++, SLOPE);
    z.combine(NEXT, first);
    int before = STATE, last = NEXT, free = OTHER;
    double square = 0;
    for (int j = 2; j <= step.stages; j++, at += 4) {
      Terms terms;
      terms.add(1 - at[0] - at[1], STATE);
      terms.add(at[0], last);
      terms.add(at[1], before);
      terms.add(h * at[3], SLOPE);
      square = z.evaluate(last, PART_BOTH, NONE, free, h * at[2], terms, false, j == step.stages).out;
      // The stage before last is no more needed, unless it is the start: from the third on it is overwritten.
      before = last;
      last = free;
      free = before;
    }
    if (last != NEXT) z.take(NEXT, OTHER);
    Terms terms;
    terms.add(ERROR_OF_CHANGE / h, STATE);
    terms.add(-ERROR_OF_CHANGE / h, NEXT);
    terms.add(ERROR_OF_SLOPES, SLOPE);
    const Squares s = z.evaluate(NEXT, PART_BOTH, NEXT_SLOPE, ERROR, ERROR_OF_SLOPES, terms, true, true);
    Measured measured;
    measured.size = sizeOf(square);
    measured.rate = z.movingNorm(NEXT_SLOPE, s.slope);
    measured.errorRate = z.movingNorm(ERROR, s.out);
    if (step.iterates) measured.radius = iterate(NEXT, NEXT_SLOPE, measured.size, measured.rate);
    return measured;
  }

  /**
   * A power iteration with the Jacobian at slot `at` of a norm, whose slope and its norm are given: makes
   * NEXT_DIRECTION, and returns the spectral radius.
   */
  double iterate(int at, int slope, double size, double rate) {
    const double length = NUDGE * size;
    const double per = z.movingNorm(DIRECTION);
    const bool usable = per > 0 && per < INFINITY;
    Terms nudged;
    nudged.add(1, at);
    nudged.add(length / (usable ? per : rate), usable ? (int)DIRECTION : slope);
    z.combine(ERROR, nudged);
    return difference(ERROR, NEXT_DIRECTION, slope) / length;
  }
};

/** Advances a trajectory by so many steps at most; returns how many it tried. */
template <class M, class Save> int64_t run(M &z, Course &course, int64_t steps, Save save) {
  Track &track = course.track;
  Schemes<M> schemes{z, course.p};
  schemes.frozen = z.frozenSquare(STATE);
  const bool starts = track.started == 0;
  track.started = 1;
  if (starts && course.savesAtStart()) {
    save();
    course.countSave();
  }
  schemes.resume();
  if (starts) schemes.begin(track);
  int64_t tries = 0;
  for (; tries < steps && track.outcome == 0; tries++) {
    const Step step = course.plan();
    if (!course.judge(step, schemes.attempt(step))) continue;
    schemes.accept(step);
    if (!step.hit) continue;
    save();
    course.countSave();
  }
  return tries;
}

} // namespace

// One trajectory's place in time, its step-size control and its end: the decisions of src/method/{track,control}.ts and
// src/method/schemes/chebyshev.ts, in the same float64 arithmetic, but for the C library's pow, and with the same numbers.
// The track itself lies in
// the kernel's memory (generated.h), from call to call.
#pragma once
#include "generated.h"
#include <math.h>

namespace {

/** Math.max and Math.min: of numbers, or NaN. */
inline double larger(double a, double b) { return isnan(a) || isnan(b) ? NAN : a < b ? b : a; }
inline double smaller(double a, double b) { return isnan(a) || isnan(b) ? NAN : b < a ? b : a; }

/** Largest step that the most stages are stable on. */
inline double stableStep(const Parameters &p, double radius) {
  return radius > 0 ? (STABILITY_USE * (p.mostStages * p.mostStages - 1)) / STABILITY_STAGES / radius : INFINITY;
}

/** Stages of a step h that is stable up to a spectral radius. */
inline int stagesFor(const Parameters &p, double h, double radius) {
  const double needed = larger(LEAST_STAGES, 1 + floor(sqrt(1 + STABILITY_STAGES * h * radius)));
  // The step is stable, so that these are mostStages at most, unless the radius is not a number.
  return (int)(needed < p.mostStages ? needed : p.mostStages);
}

/** The spectral radius to go by, from that of a power iteration (NaN: none) and the one before. */
inline double spectralRadius(double measured, double before) {
  return isfinite(measured) ? larger(RADIUS_SAFETY * measured, RADIUS_MEMORY * before) : before;
}

/** First guess of a starting step. */
inline double firstGuess(double size, double rate) {
  return size > 0 && rate > 0 ? (GUESS_CHANGE * size) / rate : GUESS_STILL;
}

/** Error that is allowed at a state of that norm. */
inline double scaleOf(const Parameters &p, double size) { return p.atol + p.rtol * size; }

inline double startingStep(const Parameters &p, double h0, double rate, double curvature, double size) {
  const double largest = larger(rate, curvature) / scaleOf(p, size);
  const double startError = p.errorOrder < HIGH_ORDER ? START_ERROR : HIGH_START_ERROR;
  const double h1 = largest <= START_FLAT || !isfinite(largest) ? larger(START_FLAT_LEAST, h0 * START_FLAT_FACTOR)
                                                                : pow(startError / largest, 1 / (p.errorOrder + 1));
  return smaller(START_GROW_LIMIT * h0, h1);
}

/** The estimate of a higher order that follows from two. */
inline double errorOfTwo(double error, double low) {
  const double share = (LOW_SHARE * low) / error;
  return error == 0 ? 0 : error / sqrt(1 + share * share);
}

/** Step to try of what remains to a save point, which a step of the proposed size does not reach. */
inline double evened(const Parameters &p, double proposal, double remaining) {
  return p.errorOrder < HIGH_ORDER ? proposal : smaller(proposal, remaining / 2);
}

/** The size that a step is taken by. */
inline double takenSize(const Parameters &p, double size) { return p.errorOrder < HIGH_ORDER ? (double)(float)size : size; }

/** A planned step: its size, whether it ends at a save point, its stages, whether it makes a power iteration. */
struct Step {
  double h = 0;
  bool hit = false;
  int stages = 0;
  bool iterates = false;
};

/** Norms of the state, its slope and the error over h of a tried step, and the spectral radius (NaN: not known). */
struct Measured {
  double size = 0, rate = 0, errorRate = 0, radius = NAN;
};

/** A trajectory's track with what it goes by. */
struct Course {
  const Parameters &p;
  const double *saveTimes;
  double clock;
  Track &track;

  void begin() {
    track = Track{};
    track.proposal = p.fixedStep * clock;
    track.lastError = LEAST_LAST_ERROR;
  }

  /** Normalized time of a save point. */
  double savePoint(double index) const { return saveTimes[(size_t)index] * clock; }

  bool savesAtStart() const { return saveTimes[0] == 0; }

  Step plan() const {
    Step step;
    const double remaining = savePoint(track.saves) - track.tau;
    if (p.control == CONTROL_FIXED) {
      step.h = track.proposal;
      step.hit = remaining < FIXED_HIT * step.h;
      return step;
    }
    const bool stabilized = p.scheme == SCHEME_CHEBYSHEV;
    const double proposal =
        stabilized ? smaller(track.proposal, stableStep(p, track.radius)) : track.proposal;
    step.hit = remaining <= proposal * (1 + HIT_SLACK);
    step.h = takenSize(p, step.hit ? remaining : evened(p, proposal, remaining));
    if (!stabilized) return step;
    step.stages = stagesFor(p, step.h, track.radius);
    step.iterates = fmod(track.accepted + track.rejected + 1, ITERATE_EVERY) == 0;
    return step;
  }

  /** Sets the next step size by the scaled error of the tried step (NaN: it left the range); whether it is accepted. */
  bool decide(const Step &step, double error) {
    const bool afterRejection = track.afterRejection != 0;
    const double exponent = 1 / p.errorOrder - BETA_SHARE * BETA;
    track.afterRejection = 1;
    if (!isfinite(error)) {
      track.proposal = step.h * SHRINK_LIMIT;
      return false;
    }
    if (error > 1) {
      track.proposal = step.h * larger(SHRINK_LIMIT, SAFETY * pow(error, -exponent));
      return false;
    }
    const double growth = error == 0 ? GROW_LIMIT : SAFETY * pow(error, -exponent) * pow(track.lastError, BETA);
    const double proposal = step.h * smaller(afterRejection ? 1 : GROW_LIMIT, larger(SHRINK_LIMIT, growth));
    // A step that was cut at a save point says little about the next.
    track.proposal = step.hit ? larger(track.proposal, proposal) : proposal;
    track.lastError = larger(error, LEAST_LAST_ERROR);
    track.afterRejection = 0;
    return true;
  }

  /** Takes or rejects the step that was tried, by what was measured of it. */
  bool judge(const Step &step, const Measured &measured) {
    const bool fixed = p.control == CONTROL_FIXED;
    const auto [size, rate, errorRate, radius] = measured;
    const bool finite = isfinite(size) && isfinite(rate);
    track.evaluations += p.scheme == SCHEME_CHEBYSHEV ? step.stages + step.iterates : p.evaluations;
    track.radius = spectralRadius(radius, track.radius);
    const double error = step.h * errorRate;
    const double scaled = !finite ? NAN : error == 0 ? 0 : error / scaleOf(p, size);
    const bool accepted = fixed ? finite : decide(step, scaled);
    if (accepted) {
      track.accepted++;
      track.tau = step.hit ? savePoint(track.saves) : track.tau + step.h;
      track.peak = larger(track.peak, rate);
      if (rate <= p.steadyTolerance * track.peak) track.outcome = OUTCOME_STATIONARY;
    } else {
      track.rejected++;
      const double resolution = finite ? TIME_RESOLUTION : EDGE_RESOLUTION;
      const bool exhausted = track.proposal < larger(SMALLEST_STEP, resolution * track.tau);
      if (fixed || (exhausted && !finite)) track.outcome = OUTCOME_DIVERGED;
      else if (exhausted) track.outcome = OUTCOME_STEP_TOO_SMALL;
    }
    if (track.accepted + track.rejected >= p.maxSteps && track.outcome == 0) track.outcome = OUTCOME_STEP_BUDGET;
    return accepted;
  }

  /** Counts a save point; the last one is the end, unless the trajectory ended by itself. */
  void countSave() {
    track.saves++;
    if (track.saves == p.saves && track.outcome != OUTCOME_STATIONARY) track.outcome = OUTCOME_END_TIME;
  }

  /** Writes the report on the trajectory (kernels/report.ts). */
  void report(int32_t *to) const {
    to[REPORT_OUTCOME] = (int32_t)track.outcome;
    to[REPORT_SAVES] = (int32_t)track.saves;
    to[REPORT_ACCEPTED] = (int32_t)track.accepted;
    to[REPORT_REJECTED] = (int32_t)track.rejected;
    to[REPORT_EVALUATIONS] = (int32_t)track.evaluations;
    double digits = DIGITS * progress();
    int zeros = 0;
    for (; digits > 0 && digits < 1 && zeros < MOST_ZEROS; zeros++) digits *= DIGITS;
    to[REPORT_PROGRESS] = (int32_t)floor(digits);
    to[REPORT_PROGRESS_REST] = (int32_t)nearbyint(DIGITS * (digits - floor(digits)));
    to[REPORT_PROGRESS_ZEROS] = zeros;
  }

private:
  /** Fraction of the way from the last save time (or the start) to the next that is behind; 0 at the end. */
  double progress() const {
    if (track.saves == p.saves) return 0;
    const double from = track.saves > 0 ? savePoint(track.saves - 1) : 0;
    const double span = savePoint(track.saves) - from;
    return span > 0 ? (track.tau - from) / span : 0;
  }
};

} // namespace

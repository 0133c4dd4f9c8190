/** Why a trajectory ended. Every trajectory of every run has exactly one outcome; nothing is dropped. */
export const outcomes = {
  'end-time': 'reached the end time before it became stationary',
  stationary: 'the speed of the flow fell below the steady-state tolerance',
  diverged: 'the state, or its norm squared, left the range of its precision',
  'step-too-small': 'the step size the tolerance asks for is below what the time can resolve',
  'step-budget': 'used up its steps before the end time',
  'loss-not-finite': 'the loss, or another functional of the last state, is not finite though that state is',
} as const;

export type Outcome = keyof typeof outcomes;

/** Whether a trajectory ended by itself, so that its numbers mean what the method computed. */
export const succeeded = (outcome: Outcome): boolean => outcome === 'end-time' || outcome === 'stationary';

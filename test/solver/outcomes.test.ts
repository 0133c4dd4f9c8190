/** Why trajectories end, against runs that are made to end so: at the end time, stationary, diverged, without a step. */
import { outcomesOn } from './on/outcomes.js';
import { eachEngine, quickEngines } from '../engines.js';

eachEngine(quickEngines, 'outcomes by %s', outcomesOn);

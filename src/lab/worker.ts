/** The worker of the page: the engine alone, spoken to through comlink. */
import { expose } from 'comlink';
import { LabEngine } from './engine.js';

expose(new LabEngine());

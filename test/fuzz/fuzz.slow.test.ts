/** Every reader against thousands of files that are made or damaged at random: each is read or refused, with no fault. */
import { afterAll, beforeAll, describe } from 'vitest';
import { randomFiles } from './random.js';
import { removeFolder } from './readers.js';
import { countBuffers } from './watch.js';

beforeAll(countBuffers);
afterAll(removeFolder);

describe('readers of random files', () => randomFiles(2000));

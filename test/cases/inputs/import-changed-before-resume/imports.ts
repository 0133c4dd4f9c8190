import { target } from './target.ts';
export default (w: any, tf: any) => w.sub(target).square().sum([1, 2]);

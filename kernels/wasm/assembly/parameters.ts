/** The parameter block of the call (kernels/wasm/layout.ts says what its fields are). */
import { Parameters } from './generated/layout';

export let parameters: Parameters = changetype<Parameters>(0);

export function useParameters(at: usize): void {
  parameters = changetype<Parameters>(at);
}

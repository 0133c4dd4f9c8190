/**
 * How factors move by the descent of a loss, as src/flow says: the gradient flow, whose derivative is the descent
 * itself.
 */

export const flowText = /* wgsl */ `
fn derivative(source: u32, to: u32, start: u32, end: u32) { descent(source, to, start, end); }
`;

/** The matrix that comes along: the first query projection of all-MiniLM-L6-v2 (src/data/minilm-query). */
export const example = {
  /** Name of the file in flags. */
  name: 'minilm-query.safetensors',
  label: 'a real matrix, MiniLM query 384 × 384',
  url: new URL('../data/minilm-query/matrix.safetensors', import.meta.url),
} as const;

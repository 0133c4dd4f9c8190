import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'rankflow-results/'] },
  ...tseslint.configs.strict,
);

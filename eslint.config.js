import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'dist-offline/',
      'dist-lab/',
      '.tensorflow*/',
      '.venv/',
      'node_modules/',
      'rankflow-results/',
      // What users write.
      'test/cases/inputs/',
    ],
  },
  ...tseslint.configs.strict,
  // Indices of numerical loops are in range by construction; `!` says so under noUncheckedIndexedAccess.
  { rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
);

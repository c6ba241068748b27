import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: here('.'),
  plugins: [svelte({ configFile: here('svelte.config.js') })],
  build: { outDir: here('../dist/web'), emptyOutDir: true, target: 'es2023' },
  // The server refuses changes from a foreign origin, so its host must be the one the browser sees.
  server: { proxy: { '/api': { target: process.env['BANCADA_API'] ?? 'http://127.0.0.1:4400', changeOrigin: false } } },
})

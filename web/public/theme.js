// Runs before the first paint, so that a dark page never flashes white. A file and not
// inline, so that a content security policy without 'unsafe-inline' lets it run.
try {
  const kept = JSON.parse(localStorage.getItem('bancada.preferences') ?? '{}').theme
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
  document.documentElement.dataset.theme = kept === 'light' || kept === 'dark' ? kept : system
} catch {
  // Storage can be forbidden or hold something else; the page then starts light.
  document.documentElement.dataset.theme = 'light'
}

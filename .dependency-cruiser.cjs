// The arrows of the house: who may import whom. `npm run check:arrows` refuses everything else.
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from.path, pathNot: ['\\.test\\.ts$', ...(from.pathNot ?? [])] },
  to: { path: '^(server|workers|experiments|datasets|models|web|prisma|tests)/', pathNot: allowed },
})
const soleImporter = (name, packages, room) => ({
  name,
  comment: `Only ${room} may import ${packages}.`,
  severity: 'error',
  from: { pathNot: [`^${room}`, '\\.test\\.ts$', '^tests/'] },
  to: { path: packages },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: ['^svelte/(internal|reactivity)'] } },
    only('contracts-are-a-leaf', 'Contracts import only zod.', { path: '^server/contracts/' }, ['^server/contracts/']),
    only('experiments-stand-on-contracts', 'The domain of experiments knows only the contracts.', { path: '^experiments/' }, ['^experiments/', '^server/contracts/']),
    only('datasets-stand-on-contracts', 'Dataset readers know only the contracts.', { path: '^datasets/' }, ['^datasets/', '^server/contracts/']),
    only('workers-never-see-the-server', 'Workers reach the server through its HTTP protocol alone.', { path: '^workers/' }, ['^workers/', '^server/contracts/', '^experiments/', '^datasets/']),
    only('engine-stands-alone', 'The engine is a library: it knows tensors and models, not runs.', { path: '^workers/engine/' }, ['^workers/engine/']),
    only('web-sees-contracts', 'The dashboard knows the contracts and the pure parts of the domain.', { path: '^web/' }, ['^web/', '^server/contracts/', '^experiments/']),
    only('store-holds-prisma', 'The store maps rows to contracts.', { path: '^server/store/' }, ['^server/store/', '^server/contracts/', '^prisma/']),
    only('queue-only-delivers', 'The queue carries run ids.', { path: '^server/queue/' }, ['^server/queue/', '^server/contracts/']),
    only('cli-speaks-http', 'The command line is one more client of the HTTP door; it knows the formats of other tools.', { path: '^server/cli/' }, ['^server/cli/', '^server/contracts/', '^experiments/interchange/']),
    soleImporter('prisma-in-the-store', '^(node_modules/)?(@prisma/|pglite-prisma-adapter|@electric-sql/)|^server/store/generated', 'server/store/'),
    soleImporter('queue-libraries-in-the-queue', '^(node_modules/)?(pg-boss|bullmq|ioredis)', 'server/queue/'),
    soleImporter('onnxruntime-in-the-engine', '^(node_modules/)?onnxruntime', '(workers/engine/executors/|workers/retrieval/sentence-encoder|workers/devices|server/cli/doctor)'),
    soleImporter('tensorflow-in-the-engine', '^(node_modules/)?@tensorflow/', 'workers/engine/executors/'),
    soleImporter('chart-js-in-the-charts', '^(node_modules/)?chart\\.js', 'web/src/charts/'),
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'server/store/generated'] },
    exclude: { path: ['\\.svelte-kit', '^dist/'] },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.svelte', '.json', '.mjs'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}

/** Runs that one comparison takes: the scores of all their items stand in memory, and the pairs of more would be a list of findings by chance. */
export const MOST_COMPARED_RUNS = 200

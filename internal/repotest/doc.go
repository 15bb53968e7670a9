// Package repotest holds the rules of this repository as tests: who may import whom, where goroutines begin, what is
// documented, that specs and code name the same rules. Each test says why its rule exists; a rule that stops being
// worth its cost is taken out here, not worked around.
//
// It has no code of its own and must not know what the packages do.
package repotest

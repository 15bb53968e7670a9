package keys

import (
	"fmt"
	"strings"

	"github.com/tyler-smith/go-bip39"
)

// maxTypos is how many wrong words are named.
const maxTypos = 4

// WordTypos says what is wrong with text that ParseWords refuses, a line for each fault: how many words there are, which
// are not in the list and what may have been meant, or that all are good words and the checksum does not fit. It repeats
// what was typed: it is for the person at the terminal, and for no log. It returns nothing for good words.
func WordTypos(text string) (faults []string) {
	if _, err := ParseWords(text); err == nil {
		return nil
	}
	words := strings.Fields(strings.ToLower(text))
	if len(words) != 24 {
		faults = append(faults, fmt.Sprintf("there are %d words, not 24", len(words)))
	}
	for i, word := range words[:min(24, len(words))] {
		if _, ok := bip39.GetWordIndex(word); ok {
			continue
		}
		if len(faults) == maxTypos {
			return append(faults, "and there is more")
		}
		fault := fmt.Sprintf("word %d, %q, is not in the list", i+1, word[:min(16, len(word))])
		if near := nearest(word); len(near) > 0 {
			fault += ": is it " + strings.Join(near, " or ") + "?"
		}
		faults = append(faults, fault)
	}
	if len(faults) == 0 {
		faults = append(faults, "each word is in the list, but not these in this order: two are swapped, or one is another word")
	}
	return faults
}

// nearest returns the words of the list that are fewest steps from a word, if these are at most two.
func nearest(word string) (near []string) {
	if len(word) > 16 {
		return nil
	}
	best := 2
	for _, candidate := range bip39.GetWordList() {
		switch d := distance(word, candidate); {
		case d < best:
			best, near = d, []string{candidate}
		case d == best && len(near) < 3:
			near = append(near, candidate)
		}
	}
	return near
}

// distance returns how many letters must be put in, left out, replaced or swapped with their neighbour.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(last[j]+1, next[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last = last, next
	}
	return last[len(b)]
}

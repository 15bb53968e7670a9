package keys

import (
	"strings"

	"github.com/tyler-smith/go-bip39"
)

// WordCount is how many words the list has that recovery words are taken from: each is 11 bits.
const WordCount = 2048

// Word returns word number n of the list, modulo WordCount.
func Word(n int) string { return bip39.GetWordList()[n&(WordCount-1)] }

// IsWord reports whether a word, in lower case, is in the list.
func IsWord(word string) bool {
	_, ok := bip39.GetWordIndex(word)
	return ok
}

// NearWords returns up to three words of the list that a mistyped one may be meant to be; none if it is like no word.
func NearWords(word string) []string { return nearest(strings.ToLower(word)) }

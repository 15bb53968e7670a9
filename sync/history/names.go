package history

import "fmt"

const (
	keyMessageText = 4
	keyTextFiles   = 7
)

// NamesFiles reports whether a record is of a message that has files, without reading what else it says: who looks through all
// records finds the few that do. Errors are ErrBody.
func NamesFiles(data []byte) (bool, error) {
	named := false
	_, _, err := copyMap(nil, data, func(bare []byte, key uint64, value []byte) ([]byte, bool, error) {
		if key != keyMessage {
			return bare, false, nil
		}
		_, _, err := copyMap(nil, value, func(bare []byte, key uint64, value []byte) ([]byte, bool, error) {
			if key != keyMessageText {
				return bare, false, nil
			}
			_, _, err := copyMap(nil, value, func(bare []byte, key uint64, _ []byte) ([]byte, bool, error) {
				named = named || key == keyTextFiles
				return bare, false, nil
			})
			return bare, false, err
		})
		return bare, false, err
	})
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return named, nil
}

package membership

import (
	"encoding/base64"
	"fmt"
	"strings"

	"muster.example/internal/wire"
)

// encodeLink returns the text of an object that people copy: a prefix, and then base64url characters only.
func encodeLink(prefix string, object any) string {
	return prefix + base64.RawURLEncoding.EncodeToString(wire.Encode(object))
}

// decodeLink reads what encodeLink wrote, and nothing else. The errors wrap kind and do not repeat the text.
func decodeLink(prefix, text string, max int, into any, kind error) error {
	encoded, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) > max {
		return fmt.Errorf("%w: it does not start with %s or is too long", kind, prefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || base64.RawURLEncoding.EncodeToString(data) != encoded {
		return fmt.Errorf("%w: a character is wrong or missing", kind)
	}
	if err := wire.Decode(data, into); err != nil {
		return fmt.Errorf("%w: part of it is missing or changed", kind)
	}
	return nil
}

// checkNodes checks where an organization is said to be reached.
func checkNodes(nodes []NodeAddress, kind error) error {
	if len(nodes) == 0 || len(nodes) > MaxNodes {
		return fmt.Errorf("%w: %d nodes, not from 1 to %d", kind, len(nodes), MaxNodes)
	}
	for _, node := range nodes {
		if err := checkAddresses(node.Addresses); err != nil || weak(node.Key) {
			return fmt.Errorf("%w: a node without a good key and address", kind)
		}
	}
	return nil
}

package api

import "encoding/json"

// List is a slice that encodes to [] when it is empty or nil, never to null, so that scripts can always iterate. A
// []T is assignable to it. [API-4]
type List[T any] []T

// MarshalJSON implements json.Marshaler.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

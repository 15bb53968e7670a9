package queue

import (
	"crypto/cipher"

	"golang.org/x/crypto/chacha20poly1305"
)

func fuzzKey() cipher.AEAD {
	key, err := chacha20poly1305.New(make([]byte, keySize))
	if err != nil {
		panic(err)
	}
	return key
}

func fuzzAckKey() cipher.AEAD {
	key, err := chacha20poly1305.NewX(make([]byte, keySize))
	if err != nil {
		panic(err)
	}
	return key
}

package enrolment

import (
	"crypto/tls"
	"fmt"
	"net"
)

// listenTLS listens with a certificate that is read anew for each handshake, so that a renewed one needs no restart.
func listenTLS(at, cert, key string) (net.Listener, error) {
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return nil, fmt.Errorf("%w: the certificate cannot be read: %v", ErrConfig, err)
	}
	return tls.Listen("tcp", at, &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			return &pair, err
		},
	})
}

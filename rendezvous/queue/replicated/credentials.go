package replicated

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"
	"github.com/pelletier/go-toml/v2"
)

// maxCredentials is the most bytes of a file with credentials, and of each that it names.
const maxCredentials = 64 << 10

// ErrCredentials is in every error about a file with credentials: the text says what is wrong with it.
var ErrCredentials = errors.New("credentials of the queue")

// Credentials are what a node shows a cluster, and by what it knows the cluster's servers.
type Credentials struct {
	public      string // the nkey of the user
	pair        nkeys.KeyPair
	roots       *x509.CertPool
	certificate tls.Certificate
}

func (c *Credentials) sign(nonce []byte) ([]byte, error) { return c.pair.Sign(nonce) }

// credentialsFile is the file, TOML. The certificates stand in files beside it. [STO-86]
type credentialsFile struct {
	Seed        string `toml:"seed"`        // of the nkey, SU...
	CA          string `toml:"ca"`          // file with the certificates of who signs those of the servers
	Certificate string `toml:"certificate"` // file with the node's own
	Key         string `toml:"key"`         // file with its private key
}

// ReadCredentials reads a file with credentials, and those that it names, relative to its folder. What is secret must be
// readable by its owner alone. Errors wrap ErrCredentials, or fs.ErrNotExist; none holds what is secret.
func ReadCredentials(path string) (*Credentials, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	var file credentialsFile
	decoder := toml.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("%w: %s is not TOML with seed, ca, certificate and key", ErrCredentials, path)
	}
	c := &Credentials{}
	if c.pair, err = nkeys.FromSeed([]byte(file.Seed)); err == nil {
		c.public, err = c.pair.PublicKey()
	}
	if err != nil || !nkeys.IsValidPublicUserKey(c.public) {
		return nil, fmt.Errorf("%w: seed in %s is not the seed of a user's nkey", ErrCredentials, path)
	}
	if file.CA == "" || file.Certificate == "" || file.Key == "" {
		return nil, fmt.Errorf("%w: %s must name ca, certificate and key: the cluster is reached by TLS alone, and both sides show who they are", ErrCredentials, path)
	}
	return c, c.readTLS(filepath.Dir(path), file)
}

func (c *Credentials) readTLS(dir string, file credentialsFile) error {
	beside := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	roots, err := readCapped(beside(file.CA))
	if err != nil {
		return err
	}
	c.roots = x509.NewCertPool()
	if !c.roots.AppendCertsFromPEM(roots) {
		return fmt.Errorf("%w: %s holds no certificate", ErrCredentials, beside(file.CA))
	}
	chain, err := readCapped(beside(file.Certificate))
	if err != nil {
		return err
	}
	key, err := readSecret(beside(file.Key))
	if err != nil {
		return err
	}
	defer clear(key)
	if c.certificate, err = tls.X509KeyPair(chain, key); err != nil {
		return fmt.Errorf("%w: %s and %s are not a certificate and its key", ErrCredentials, beside(file.Certificate), beside(file.Key))
	}
	return nil
}

// readSecret reads a file that nobody else may read.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	if mode := info.Mode().Perm(); othersMay(mode) {
		return nil, fmt.Errorf("%w: others can read %s, whose mode is %04o: chmod 600 it", ErrCredentials, path, mode)
	}
	return readCapped(path)
}

func readCapped(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxCredentials {
		return nil, fmt.Errorf("%w: %s is no file of at most %d bytes", ErrCredentials, path, maxCredentials)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	return text, nil
}

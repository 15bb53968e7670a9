package bucket

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"muster.example/rendezvous/archive/storage"
)

// Options say which bucket, and by what right. They print without what is secret.
type Options struct {
	Endpoint string // https://HOST[:PORT], or http:// on this machine
	Region   string // "us-east-1" if empty
	Bucket   string
	Prefix   string // of all names, "" or ending in a slash
	CA       []byte // certificates in PEM of who vouches for the server; nil: the system's
	Retain   time.Duration
	Now      func() time.Time // time.Now if nil

	Credentials Credentials
}

// Credentials are a key of the S3 server. They print and log as a placeholder.
type Credentials struct{ AccessKey, SecretKey, SessionToken string }

// String implements fmt.Stringer without showing the key.
func (Credentials) String() string { return "[credentials]" }

// GoString keeps %#v from showing the key.
func (Credentials) GoString() string { return "[credentials]" }

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// ParseStore reads s3://BUCKET or s3://BUCKET/PREFIX into bucket and prefix.
func ParseStore(text string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(text, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.TrimSuffix(prefix, "/")
	if !ok || !bucketName.MatchString(bucket) || prefix != "" && storage.CheckName(prefix) != nil {
		return "", "", fmt.Errorf("%w: %q is not s3://BUCKET or s3://BUCKET/PREFIX", ErrOptions, text)
	}
	if prefix != "" {
		prefix += "/"
	}
	return bucket, prefix, nil
}

func (o *Options) region() string {
	if o.Region == "" {
		return "us-east-1"
	}
	return o.Region
}

// endpoint returns host and port, and whether they are spoken to by TLS. Without it what is stored would still be sealed, but
// anybody on the way could answer that it is stored: so it is for the same machine alone.
func (o *Options) endpoint() (host string, secure bool, err error) {
	parsed, err := url.Parse(o.Endpoint)
	if err != nil || parsed.Host == "" || parsed.User != nil || strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" ||
		parsed.Scheme != "https" && parsed.Scheme != "http" {
		return "", false, fmt.Errorf("%w: the endpoint is https://HOST or https://HOST:PORT", ErrOptions)
	}
	secure = parsed.Scheme == "https"
	if name := parsed.Hostname(); !secure && name != "localhost" && !net.ParseIP(name).IsLoopback() {
		return "", false, fmt.Errorf("%w: an endpoint without TLS is on the same machine, not %s", ErrOptions, name)
	}
	if o.Credentials.AccessKey == "" || o.Credentials.SecretKey == "" {
		return "", false, fmt.Errorf("%w: there are no credentials, neither in a file nor in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", ErrOptions)
	}
	return parsed.Host, secure, nil
}

func (o *Options) transport(secure bool) (*http.Transport, error) {
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("preparing to speak to the S3 server: %w", err)
	}
	if o.CA == nil {
		return transport, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(o.CA) {
		return nil, fmt.Errorf("%w: the file of certificates holds none", ErrOptions)
	}
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport.TLSClientConfig.RootCAs = pool
	return transport, nil
}

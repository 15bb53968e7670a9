//go:build s3

package bucket_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"muster.example/rendezvous/archive/bucket"
)

// The server is versitygw, a real S3 server with object lock. Go fetches and builds it, as it does any module.
const serverModule = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

const (
	accessKey = "archive-test"
	secretKey = "a secret of no worth"
)

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "s3-server")
	if err != nil {
		return "", err
	}
	command := exec.Command("go", "install", serverModule)
	command.Dir = dir // outside of this module
	command.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the S3 server: %w: %s", err, output)
	}
	return filepath.Join(dir, "versitygw"), nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// server is a running S3 server, spoken to as its root user, who may do all that can be done there.
type server struct {
	endpoint string
	root     *minio.Client
}

func startServer(t *testing.T) *server {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	data, old := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, "--port", address, "posix", "--versioning-dir", old, data)
	command.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+accessKey, "ROOT_SECRET_ACCESS_KEY="+secretKey)
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = command.Wait()
	})
	root, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{endpoint: "http://" + address, root: root}
	s.await(t)
	return s
}

// await waits until the server answers.
func (s *server) await(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal("the S3 server does not answer")
		case <-ticker.C:
		}
	}
}

// makeBucket makes a bucket, with object lock or without.
func (s *server) makeBucket(t *testing.T, name string, lock bool) {
	t.Helper()
	if err := s.root.MakeBucket(t.Context(), name, minio.MakeBucketOptions{ObjectLocking: lock}); err != nil {
		t.Fatal(err)
	}
}

func (s *server) options(name string) bucket.Options {
	return bucket.Options{Endpoint: s.endpoint, Bucket: name, Prefix: "archive/", Retain: 48 * time.Hour,
		Credentials: bucket.Credentials{AccessKey: accessKey, SecretKey: secretKey}}
}

// open makes a bucket with object lock and opens it to write.
func (s *server) open(t *testing.T, name string) *bucket.Bucket {
	t.Helper()
	s.makeBucket(t, name, true)
	b, err := bucket.OpenToWrite(t.Context(), s.options(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

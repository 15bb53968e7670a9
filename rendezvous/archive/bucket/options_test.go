package bucket

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseStore(t *testing.T) {
	for text, want := range map[string][2]string{
		"s3://some-bucket": {"some-bucket", ""}, "s3://some-bucket/": {"some-bucket", ""}, "s3://b.2/a/b": {"b.2", "a/b/"}, "s3://b.2/a/": {"b.2", "a/"},
	} {
		bucket, prefix, err := ParseStore(text)
		if err != nil || bucket != want[0] || prefix != want[1] {
			t.Errorf("%q: %q, %q, %v", text, bucket, prefix, err)
		}
	}
	for _, text := range []string{"", "s3://", "s3://B", "s3:/some-bucket", "/some/where", "s3://some-bucket/../x", "s3://some-bucket//x", "s3://some-bucket/a b"} {
		if _, _, err := ParseStore(text); !errors.Is(err, ErrOptions) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEndpoints(t *testing.T) {
	open := func(endpoint string) error {
		_, err := Open(Options{Endpoint: endpoint, Bucket: "some-bucket", Credentials: Credentials{AccessKey: "a", SecretKey: "s"}})
		return err
	}
	for _, endpoint := range []string{"https://s3.example.org", "https://192.0.2.7:9000", "http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:1"} {
		if err := open(endpoint); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	for _, endpoint := range []string{"", "s3.example.org", "http://s3.example.org", "http://192.0.2.7:9000", "https://u:p@s3.example.org", "https://s3.example.org/b",
		"https://s3.example.org?x", "ftp://s3.example.org"} {
		if err := open(endpoint); !errors.Is(err, ErrOptions) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if _, err := Open(Options{Endpoint: "https://s3.example.org", Bucket: "some-bucket"}); !errors.Is(err, ErrOptions) {
		t.Errorf("without credentials: %v", err)
	}
	if _, err := OpenToWrite(t.Context(), Options{Endpoint: "https://s3.example.org", Retain: time.Hour}); !errors.Is(err, ErrOptions) {
		t.Errorf("retained for an hour: %v", err)
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	o := Options{Credentials: Credentials{AccessKey: "who", SecretKey: "hush", SessionToken: "hush"}}
	if text := fmt.Sprintf("%v %+v %#v", o, o, o); strings.Contains(text, "hush") {
		t.Error(text)
	}
}

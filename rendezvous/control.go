package rendezvous

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/task"
)

// Where the control socket lies.
const (
	socketName    = "rendezvous.sock"
	socketPointer = "rendezvous.sock.path" // holds the socket's path where the folder's own is too long for one
	maxSocketPath = 100

	controlTime = 10 * time.Second
	longTime    = time.Hour // for what reads all that the node has
	maxControl  = 4 << 20   // bytes of an answer
)

// openFaces starts what people and monitors ask: the control socket and the metrics page. close ends them.
func (n *Node) openFaces(services *task.Group) (closeAll func(), err error) {
	var closers []func()
	closeAll = func() {
		for _, end := range closers {
			end()
		}
	}
	if !n.cfg.NoControl {
		listener, path, err := listenControl(n.cfg.Dir)
		if err != nil {
			return nil, err
		}
		closers = append(closers, n.face(services, "control", listener, n.controlPages()), func() { dropSocket(n.cfg.Dir, path) })
	}
	if n.cfg.Metrics != "" {
		listener, err := net.Listen("tcp", n.cfg.Metrics)
		if err != nil {
			closeAll()
			return nil, fmt.Errorf("metrics page: %w", err)
		}
		closers = append(closers, n.face(services, "metrics", listener, n.metricsPages()))
	}
	return closeAll, nil
}

// face serves pages on a listener until the returned function is called.
func (n *Node) face(services *task.Group, name string, listener net.Listener, pages http.Handler) (end func()) {
	server := &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: controlTime, ReadTimeout: controlTime, WriteTimeout: controlTime, IdleTimeout: controlTime,
		MaxHeaderBytes: 8 << 10,
	}
	services.Go(name, func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return func() { _ = server.Close() }
}

// controlPages are what the commands ask.
func (n *Node) controlPages() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, n.Status())
	})
	pages.HandleFunc("POST /claim", func(w http.ResponseWriter, r *http.Request) {
		link, err := n.NewClaim()
		if err != nil {
			answerJSON(w, http.StatusServiceUnavailable, controlError{err.Error()})
			return
		}
		answerJSON(w, http.StatusOK, ClaimLink{link})
	})
	pages.HandleFunc("POST /check", func(w http.ResponseWriter, r *http.Request) {
		allow(w, longTime)
		found, err := n.Check(r.Context())
		if err != nil {
			answerJSON(w, http.StatusServiceUnavailable, controlError{err.Error()})
			return
		}
		answerJSON(w, http.StatusOK, found)
	})
	pages.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		allow(w, longTime)
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := writeBackup(r.Context(), w, n.store, n.key); err != nil {
			n.log.Warn("a backup broke off", "error", err) // who asked sees that its end is missing
			panic(http.ErrAbortHandler)
		}
	})
	n.bundlePages(pages)
	return pages
}

// allow gives an answer more time than others have.
func allow(w http.ResponseWriter, limit time.Duration) {
	control, deadline := http.NewResponseController(w), time.Now().Add(limit)
	_ = errors.Join(control.SetReadDeadline(deadline), control.SetWriteDeadline(deadline)) // else it ends as others do
}

// ClaimLink is the JSON of `muster-rendezvous claim`.
type ClaimLink struct {
	Claim string `json:"claim"`
}

type controlError struct {
	Error string `json:"error"`
}

func answerJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// listenControl listens on the control socket with mode 0600. The caller holds the folder, so that a socket that is
// there already is the leftover of a crash.
func listenControl(dir string) (net.Listener, string, error) {
	path, err := placeSocket(dir)
	if err != nil {
		return nil, "", err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("control socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, "", fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // the folder around it is 0700 at every moment
		return nil, "", errors.Join(fmt.Errorf("control socket: %w", err), listener.Close())
	}
	return listener, path, nil
}

// placeSocket decides on the path: in the folder, or in a private folder of the system's if that is too long.
func placeSocket(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("control socket: %w", err)
	}
	pointer := filepath.Join(absolute, socketPointer)
	if path := filepath.Join(absolute, socketName); len(path) <= maxSocketPath {
		_ = os.Remove(pointer)
		return path, nil
	}
	base := os.Getenv("XDG_RUNTIME_DIR")
	if base == "" {
		base = os.TempDir()
	}
	private, err := os.MkdirTemp(base, "muster-rendezvous-")
	if err != nil {
		return "", fmt.Errorf("control socket: %w", err)
	}
	path := filepath.Join(private, socketName)
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("control socket: no folder with a path short enough: set XDG_RUNTIME_DIR")
	}
	return path, writeDurably(pointer, []byte(path+"\n"))
}

// dropSocket removes what placeSocket made.
func dropSocket(dir, path string) {
	_ = os.Remove(path)
	if os.Remove(filepath.Join(dir, socketPointer)) == nil {
		_ = os.Remove(filepath.Dir(path))
	}
}

// findSocket returns the path of the socket of the node that serves dir.
func findSocket(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("control socket: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(absolute, socketPointer))
	if err == nil {
		return strings.TrimSuffix(string(text), "\n"), nil
	}
	return filepath.Join(absolute, socketName), nil
}

// AskStatus asks the node that serves dir for its status; ErrNotRunning if there is none.
func AskStatus(ctx context.Context, dir string) (Status, error) {
	var status Status
	err := ask(ctx, dir, http.MethodGet, "/status", controlTime, &status)
	return status, err
}

// AskClaim asks the node that serves dir for a link to found one more organization; ErrNotRunning if there is none.
func AskClaim(ctx context.Context, dir string) (ClaimLink, error) {
	var link ClaimLink
	err := ask(ctx, dir, http.MethodPost, "/claim", controlTime, &link)
	return link, err
}

// AskCheck asks the node that serves dir to check what it has; ErrNotRunning if there is none.
func AskCheck(ctx context.Context, dir string) (Checked, error) {
	var found Checked
	err := ask(ctx, dir, http.MethodPost, "/check", longTime, &found)
	return found, err
}

// askBackup asks the node that serves dir for a backup, and checks that it is whole while it writes it on.
func askBackup(ctx context.Context, dir string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, longTime)
	defer cancel()
	response, err := request(ctx, dir, http.MethodPost, "/backup", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return readBackup(io.TeeReader(response.Body, w), func([keys.SeedSize]byte) error { return nil }, func(_, _ []byte) error { return nil })
}

// ask gets an answer in JSON.
func ask(ctx context.Context, dir, method, page string, limit time.Duration, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	response, err := request(ctx, dir, method, page, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxControl))
	if err != nil {
		return fmt.Errorf("asking the node: %w", err)
	}
	return json.Unmarshal(body, answer)
}

// request asks the node that serves dir, and returns an answer that is no error. The caller closes its body.
func request(ctx context.Context, dir, method, page string, body io.Reader) (*http.Response, error) {
	path, err := findSocket(dir)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) },
		DisableKeepAlives: true,
	}
	question, err := http.NewRequestWithContext(ctx, method, "http://rendezvous"+page, body)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(question)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("asking the node: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, maxControl))
	if err != nil {
		return nil, fmt.Errorf("asking the node: %w", err)
	}
	var failed controlError
	if json.Unmarshal(said, &failed) != nil || failed.Error == "" {
		failed.Error = string(bytes.TrimSpace(said))
	}
	return nil, errors.New(failed.Error)
}

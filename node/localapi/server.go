package localapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"muster.example/internal/task"
	"muster.example/node/api"
)

// DefaultWeb is where the server listens on loopback unless told otherwise: a port that is free.
const DefaultWeb = "127.0.0.1:0"

// Config says what to serve and where. The zero values of Web and Log are useful.
type Config struct {
	Backend Backend
	Dir     string       // the node's folder: private (0700) and locked by the caller, so that no other node serves it
	Web     string       // HOST:PORT on loopback; empty: DefaultWeb
	Log     *slog.Logger // nil: nothing is logged
}

// Server serves one Backend on a unix socket and on loopback.
type Server struct {
	backend  Backend
	log      *slog.Logger
	socket   *socket
	web      net.Listener
	webHost  string // HOST:PORT as the login link shows it
	token    string // of the API on loopback, for the life of the server
	logins   logins
	requests chan struct{} // holds one element for each request being answered
	watchers chan struct{} // holds one element for each watch
	handlers gate          // the handlers that have not returned
	stopping chan struct{} // closed when watches are to end
}

// Listen opens the socket and the port: from now on programs can connect, and are answered once Run runs. It starts
// no goroutine. Who does not call Run calls Close.
func Listen(config Config) (*Server, error) {
	s := newServer(config)
	if config.Web == "" {
		config.Web = DefaultWeb
	}
	var err error
	if s.web, s.webHost, err = listenLoopback(config.Web); err != nil {
		return nil, err
	}
	if s.socket, err = listenSocket(config.Dir); err != nil {
		s.web.Close()
		return nil, err
	}
	return s, nil
}

func newServer(config Config) *Server {
	s := &Server{
		backend:  config.Backend,
		log:      config.Log,
		token:    rand.Text(),
		requests: make(chan struct{}, maxRequests),
		watchers: make(chan struct{}, maxWatchers),
		handlers: newGate(),
		stopping: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Socket returns the path of the unix socket.
func (s *Server) Socket() string { return s.socket.path }

// Web returns HOST:PORT of the API on loopback.
func (s *Server) Web() string { return s.webHost }

// Login makes a one-time link to the API on loopback. It works once, for ten minutes. [API-3]
func (s *Server) Login() api.Login {
	code, expires := s.logins.add(time.Now())
	return api.Login{Link: "http://" + s.webHost + "/login/" + code, Expires: expires.UTC()}
}

// Close frees the socket and the port of a server that was never run.
func (s *Server) Close() error { return errors.Join(s.web.Close(), s.socket.Close()) }

// Run serves until ctx ends or a listener fails. It then takes no new request, ends the watches, gives what is being
// answered three seconds, cuts it off, and returns after the last handler has ended.
func (s *Server) Run(ctx context.Context) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	onSocket := s.newHTTPServer(base, s.socketHandler())
	onLoopback := s.newHTTPServer(base, s.webHandler())
	group := task.New(ctx)
	group.Go("the local API's socket", func(context.Context) error { return serve(onSocket, s.socket) })
	group.Go("the local API on loopback", func(context.Context) error { return serve(onLoopback, s.web) })
	group.Go("the local API's end", func(ctx context.Context) error {
		<-ctx.Done()
		close(s.stopping)
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer done()
		clean := errors.Join(onSocket.Shutdown(grace), onLoopback.Shutdown(grace)) == nil
		cancel()
		if !clean {
			onSocket.Close()
			onLoopback.Close()
		}
		s.handlers.closeAndWait()
		return nil
	})
	return group.Wait()
}

// newHTTPServer returns a server with the limits of every listener. [API-7]
func (s *Server) newHTTPServer(base context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Protocols:         http1Only(),
	}
}

func http1Only() *http.Protocols {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return protocols
}

func serve(server *http.Server, listener net.Listener) error {
	err := server.Serve(newLimited(listener, maxConnections))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// listenLoopback listens on address and returns it with the port that it got. Names other than localhost are refused:
// what they stand for can change.
func listenLoopback(address string) (net.Listener, string, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", api.Errorf(api.CodeUsage, "%q is not HOST:PORT", address).WithHint("for example 127.0.0.1:8080")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, "", api.Errorf(api.CodeUsage, "%q is not on loopback", address).
			WithHint("use 127.0.0.1, [::1] or localhost: the API is for programs of this machine only")
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("listening for the local API: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		listener.Close()
		return nil, "", fmt.Errorf("reading the local API's port: %w", err)
	}
	return listener, net.JoinHostPort(host, port), nil
}

package localapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"muster.example/internal/task"
	"muster.example/node/api"
)

// DefaultWeb is where the server listens on loopback unless told otherwise: a port that is free.
const DefaultWeb = "127.0.0.1:0"

// Config says what to serve and where. The zero values of Web and Log are useful.
type Config struct {
	Backend Backend      // nil: the folder is locked until Open is called
	Dir     string       // the node's folder: private (0700) and locked by the caller, so that no other node serves it
	Web     string       // HOST:PORT on loopback; empty: DefaultWeb
	Pages   Pages        // the app, or how a locked folder is opened; nil: only the API is served
	Guard   Guard        // who locks and unlocks the folder; nil: nobody
	Left    *Left        // what the server left whose place this one takes; nil: it is the first
	Log     *slog.Logger // nil: nothing is logged
}

// Server serves one Backend on a unix socket and on loopback.
type Server struct {
	backend  Backend // nil while locked: only what a face made by Open serves may ask it
	guard    Guard   // nil: nobody locks the folder
	log      *slog.Logger
	socket   *socket
	web      *loopback
	webHost  string // HOST:PORT as the login link shows it
	token    string // of the API on loopback, for the life of the server
	logins   logins
	pageHost string // HOST:PORT of the page
	face     atomic.Pointer[face]
	entries  logins // codes that a browser enters the page with
	sessions sessions
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
	page := readAddress(config.Dir)
	var err error
	if s.web, err = config.Left.page(config.Web, page); err != nil {
		return nil, err
	}
	s.sessions.bequeath(config.Left.hashes(), time.Now())
	s.webHost = s.web.host
	_, page.Port, _ = net.SplitHostPort(s.webHost)
	s.pageHost = pageHostOf(page.Name, page.Port)
	if err := page.write(config.Dir); err != nil {
		s.web.Close()
		return nil, fmt.Errorf("noting where the page is served: %w", err)
	}
	if s.socket, err = listenSocket(config.Dir, config.Left); err != nil {
		s.web.Close()
		return nil, err
	}
	return s, nil
}

func newServer(config Config) *Server {
	s := &Server{
		guard:    config.Guard,
		log:      config.Log,
		token:    rand.Text(),
		logins:   logins{life: loginLife},
		entries:  logins{life: entryLife},
		requests: make(chan struct{}, maxRequests),
		watchers: make(chan struct{}, maxWatchers),
		handlers: newGate(),
		stopping: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if config.Backend == nil {
		s.face.Store(s.lockedFace(config.Pages))
	} else {
		s.backend = config.Backend
		s.face.Store(s.openFace(config.Pages))
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
	group.Go("the local API on loopback", func(context.Context) error { return serve(onLoopback, s.web.first) })
	if s.web.second != nil {
		group.Go("the local API on the other loopback", func(context.Context) error { return serve(onLoopback, s.web.second) })
	}
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

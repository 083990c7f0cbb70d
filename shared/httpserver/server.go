package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server serves until told to stop, then drains: first readiness ends while it goes on serving
// for DrainDelay, so that load balancers look elsewhere; then no connection is taken any more
// and what is under way has ShutdownGrace to finish.
type Server struct {
	config Config
	health *Health
	log    *slog.Logger
	http   *http.Server
}

// NewServer serves handler.
func NewServer(c Config, handler http.Handler, health *Health, log *slog.Logger) *Server {
	return &Server{config: c, health: health, log: log, http: &http.Server{
		Handler:           health.partings(handler),
		ReadHeaderTimeout: 10 * time.Second, // against clients that drip a byte at a time
		ReadTimeout:       c.RequestTimeout + 10*time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// Serve takes connections from l until ctx ends, and returns when it has drained. Errors: the
// listener's, or that requests were cut off after ShutdownGrace.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.health.Drain()
	if s.config.DrainDelay > 0 {
		select {
		case err := <-failed:
			return err
		case <-time.After(s.config.DrainDelay):
		}
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownGrace)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil {
		return errors.Join(errors.New("requests were cut off"), err, s.http.Close())
	}
	return nil
}

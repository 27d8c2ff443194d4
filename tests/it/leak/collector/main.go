// A program to be checked by `cmon leak-check`: it tells of itself as Go programs do, and leaks, or
// only seems to, in one way that is known.
//
//	collector -mode rotation      a goroutine for each GET /rotate
//	collector -mode self          the same, and it rotates by itself, every -every
//	collector -mode time          a goroutine every -every, whatever is asked
//	collector -mode sawtooth      a goroutine every -every; all of them end each -period
//	collector -mode warm-up       a goroutine every -every until -period, then no more
//	collector -mode idle -peer U  a client every -every, which asks U once and is never closed
//	collector -mode unclosed -peer U  every -every asks U and never closes the body of the answer
//	collector -mode peer          only answers
//
// The first line on stdout is the address that it listens on. It ends when its stdin does.
package main

import (
	"expvar"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

var (
	mode    = flag.String("mode", "peer", "what it does")
	listen  = flag.String("listen", "127.0.0.1:0", "where it listens")
	every   = flag.Duration("every", 500*time.Millisecond, "between two steps")
	period  = flag.Duration("period", 20*time.Second, "of the sawtooth, or the length of the warm-up")
	peer    = flag.String("peer", "", "whom clients ask")
	plain   = flag.Bool("plain", false, "nothing at /metrics")
	vars    = flag.Bool("vars", false, "expvar at /debug/vars")
	rotated int64
	started = time.Now()
)

// forgottenReader waits for lines that never come.
func forgottenReader(lines chan string) {
	<-lines
}

// forgottenTimer waits for a moment that never comes.
func forgottenTimer(moment chan time.Time) {
	<-moment
}

// busyWorker works until it is told to end.
func busyWorker(end chan struct{}) {
	<-end
}

// rotate is one cycle: a reader is started, and either forgotten or ended.
func rotate() {
	lines := make(chan string)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		forgottenReader(lines)
	}()
	if *mode != "rotation" && *mode != "self" {
		close(lines)
		<-ended
	}
	atomic.AddInt64(&rotated, 1)
}

// useOnce makes a client, asks once, reads the answer to its end, and forgets the client.
func useOnce() {
	client := &http.Client{Transport: &http.Transport{}}
	answer, err := client.Get(*peer)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
}

// askOnly asks and forgets the answer with its body.
func askOnly() {
	if _, err := http.Get(*peer); err != nil {
		log.Fatal(err)
	}
}

// work does what the mode says, for ever.
func work() {
	end := make(chan struct{})
	turned := time.Now()
	for range time.Tick(*every) {
		switch *mode {
		case "self":
			rotate()
		case "time":
			go forgottenTimer(make(chan time.Time))
		case "sawtooth":
			if *period <= time.Since(turned) {
				close(end)
				end, turned = make(chan struct{}), time.Now()
			}
			go busyWorker(end)
		case "warm-up":
			if time.Since(turned) < *period {
				go busyWorker(end)
			}
		case "idle":
			useOnce()
		case "unclosed":
			askOnly()
		}
	}
}

func metrics(w http.ResponseWriter, _ *http.Request) {
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "# TYPE collector_rotations_total counter\n")
	fmt.Fprintf(w, "collector_rotations_total %d\n", atomic.LoadInt64(&rotated))
	// The directory itself was one of them.
	fmt.Fprintf(w, "process_open_fds %d\n", len(descriptors)-1)
	fmt.Fprintf(w, "process_start_time_seconds %.3f\n", float64(started.UnixNano())/1e9)
}

// publish tells the same by expvar, which is at /debug/vars whether or not it is wanted.
func publish() http.Handler {
	expvar.Publish("goroutines", expvar.Func(func() any { return runtime.NumGoroutine() }))
	expvar.Publish("collector", expvar.Func(func() any {
		return map[string]int64{"rotations": atomic.LoadInt64(&rotated)}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/debug/vars" && !*vars {
			http.NotFound(w, r)
			return
		}
		http.DefaultServeMux.ServeHTTP(w, r)
	})
}

func main() {
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	http.HandleFunc("/rotate", func(w http.ResponseWriter, _ *http.Request) {
		rotate()
		fmt.Fprintln(w, "rotated")
	})
	if !*plain {
		http.HandleFunc("/metrics", metrics)
	}
	go work()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(http.Serve(listener, publish()))
}

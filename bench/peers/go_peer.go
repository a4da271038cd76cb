// Go: N goroutines that send back what they get, and one that dispatches: it picks the worker
// with the fewest pending, and each reply passes through it, as through a router.
//
//	go_peer --mode dispatcher --workers N --window W --requests R --size B
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"sort"
	"syscall"
	"time"
)

type request struct {
	payload []byte
	worker  int
	replies chan *request
}

var (
	mode      = flag.String("mode", "dispatcher", "there is only this one")
	transport = flag.String("transport", "inproc", "there is only this one")
	workers   = flag.Int("workers", 1, "goroutines that reply")
	window    = flag.Int("window", 1, "requests outstanding")
	requests  = flag.Int("requests", 10000, "requests in all")
	size      = flag.Int("size", 64, "bytes of a payload, 8 at least")
)

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func leastPending(pending []int) int {
	best := 0
	for index := 1; index < len(pending) && pending[best] > 0; index++ {
		if pending[index] < pending[best] {
			best = index
		}
	}
	return best
}

func work(box, back chan *request) {
	for item := range box {
		back <- item
	}
}

func dispatch(front, back chan *request, boxes []chan *request) {
	pending := make([]int, len(boxes))
	for {
		select {
		case item := <-front:
			item.worker = leastPending(pending)
			pending[item.worker]++
			boxes[item.worker] <- item
		case item := <-back:
			pending[item.worker]--
			item.replies <- item
		}
	}
}

func startPool() chan *request {
	front := make(chan *request, *window)
	back := make(chan *request, *window)
	boxes := make([]chan *request, *workers)
	for index := range boxes {
		boxes[index] = make(chan *request, *window)
		go work(boxes[index], back)
	}
	go dispatch(front, back, boxes)
	return front
}

// What the client knows of its requests: by number when each began, zero before and after.
type books struct {
	began []time.Time
	took  []int64
	begun int
}

func (self *books) begin(payload []byte, replies chan *request) *request {
	binary.LittleEndian.PutUint64(payload, uint64(self.begun))
	binary.LittleEndian.PutUint64(payload[len(payload)-8:], uint64(self.begun))
	self.began[self.begun] = time.Now()
	self.begun++
	return &request{payload: payload, replies: replies}
}

func (self *books) end(payload []byte) {
	number := binary.LittleEndian.Uint64(payload)
	if binary.LittleEndian.Uint64(payload[len(payload)-8:]) != number {
		log.Fatal("a reply has bytes that no request had")
	}
	if self.began[number].IsZero() {
		log.Fatal("a request was answered twice")
	}
	self.took = append(self.took, int64(time.Since(self.began[number])))
	self.began[number] = time.Time{}
}

func used() (cpu float64, switches int64) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	cpu = time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
	return cpu, usage.Nvcsw + usage.Nivcsw
}

func main() {
	flag.Parse()
	if *mode != "dispatcher" || *transport != "inproc" || *size < 8 {
		log.Fatal("there is no such mode, transport or size")
	}
	front := startPool()
	replies := make(chan *request, *window)
	known := books{began: make([]time.Time, *requests), took: make([]int64, 0, *requests)}
	// Made once and used again: clearing a large one would cost more than sending it.
	payloads := make([][]byte, min(*window, *requests))
	for index := range payloads {
		payloads[index] = make([]byte, *size)
	}
	cpuBefore, switchesBefore := used()
	start := time.Now()
	for _, payload := range payloads {
		front <- known.begin(payload, replies)
	}
	for len(known.took) < *requests {
		payload := (<-replies).payload
		known.end(payload)
		if known.begun < *requests {
			front <- known.begin(payload, replies)
		}
	}
	seconds := time.Since(start).Seconds()
	cpu, switches := used()
	took := known.took
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	us := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))]) / 1000 }
	fmt.Printf("name=go mode=%s transport=%s workers=%d window=%d size=%d requests=%d rps=%.0f "+
		"p50_us=%.2f p99_us=%.2f p999_us=%.2f cpu_s=%.3f csw=%d\n",
		*mode, *transport, *workers, *window, *size, len(took), float64(len(took))/seconds,
		us(0.5), us(0.99), us(0.999), cpu-cpuBefore, switches-switchesBefore)
}

// Fire times as robfig/cron computes them: one JSON request a line in, one JSON answer a line out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	cron1 "github.com/robfig/cron"
	cron3 "github.com/robfig/cron/v3"
)

// request asks for the fires of a spec in windows of Unix seconds, from inclusive, to exclusive.
type request struct {
	Engine  string     `json:"engine"`
	Spec    string     `json:"spec"`
	Zone    string     `json:"zone"`
	Windows [][2]int64 `json:"windows"`
}

type answer struct {
	Fires []int64 `json:"fires"`
	Error string  `json:"error,omitempty"`
}

type schedule interface {
	Next(time.Time) time.Time
}

// parse reads a spec as the server does: Kubernetes with version 3, Kubeflow with 1.2.0.
func parse(asked request) (found schedule, err error) {
	// Version 3 panics on a TZ= without anything after it.
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("panic: %v", recovered)
		}
	}()
	if asked.Engine == "v1" {
		return cron1.Parse(asked.Spec)
	}
	return cron3.ParseStandard(asked.Spec)
}

func compute(asked request) answer {
	zone, err := time.LoadLocation(asked.Zone)
	if err != nil {
		return answer{Error: err.Error()}
	}
	found, err := parse(asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	fires := []int64{}
	for _, window := range asked.Windows {
		at := time.Unix(window[0]-1, 0).In(zone)
		for {
			at = found.Next(at)
			if at.IsZero() || at.Unix() >= window[1] {
				break
			}
			fires = append(fires, at.Unix())
		}
	}
	return answer{Fires: fires}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<20), 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked request
		var told answer
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			told = answer{Error: err.Error()}
		} else {
			told = compute(asked)
		}
		if err := out.Encode(told); err != nil {
			os.Exit(1)
		}
	}
}

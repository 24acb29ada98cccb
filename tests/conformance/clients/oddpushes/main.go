// Pushes with client_golang. Reads pushes from standard input, one on each line, in JSON, and prints a line for each:
// "ok", or the error.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
)

type oddPush struct {
	URL      string
	Name     string
	Job      string
	Grouping map[string]string
}

func (odd oddPush) send() error {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: odd.Name, Help: "An odd push"})
	pusher := push.New(odd.URL, odd.Job).Collector(gauge)
	for name, value := range odd.Grouping {
		pusher = pusher.Grouping(name, value)
	}
	return pusher.Add()
}

func main() {
	pushes := json.NewDecoder(os.Stdin)
	for {
		var odd oddPush
		if err := pushes.Decode(&odd); err == io.EOF {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		if err := odd.send(); err != nil {
			fmt.Printf("%q\n", err)
		} else {
			fmt.Println("ok")
		}
	}
}

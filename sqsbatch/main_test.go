package sqsbatch_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/lambdabatch/lambdabatch/internal/leak"
)

func TestMain(m *testing.M) {
	if settings := os.Getenv(workerEnv); settings != "" {
		if err := work(settings); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leak.Main(m)
}

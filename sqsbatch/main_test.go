package sqsbatch_test

import (
	"testing"

	"github.com/lambdabatch/lambdabatch/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

package lambdatest

import (
	"os"
	"path/filepath"
	"time"
)

// inherited are the variables that a process has of the test's own environment: without them few interpreters start.
var inherited = []string{"PATH", "HOME", "TMPDIR", "SystemRoot", "TEMP", "TMP", "USERPROFILE"}

// environ is the environment of a process.
func environ(pool *pool, api string) []string {
	var env []string
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	root := pool.program.Dir
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	stream := time.Now().UTC().Format("2006/01/02") + "/[$LATEST]" + randomHex(16)
	env = append(env,
		"AWS_ACCESS_KEY_ID=lambdatest",
		"AWS_SECRET_ACCESS_KEY=lambdatest",
		"AWS_SESSION_TOKEN=lambdatest",
		"AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"AWS_LAMBDA_FUNCTION_NAME="+pool.name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+pool.name,
		"AWS_LAMBDA_LOG_STREAM_NAME="+stream,
		"LAMBDA_TASK_ROOT="+root,
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"_HANDLER="+pool.program.Handler,
	)
	env = append(env, pool.program.Env...)
	return append(env, "AWS_LAMBDA_RUNTIME_API="+api) // of two with the same name the last counts
}

package lambdatest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A task is the payload by which a test tells the program what to do.
type task struct {
	Do      string          `json:"do"`
	N       int             `json:"n,omitempty"`
	Dir     string          `json:"dir,omitempty"`
	Text    string          `json:"text,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// A sight is what the program answers of what it has seen.
type sight struct {
	PID     int               `json:"pid"`
	Headers map[string]string `json:"headers"`
	Env     map[string]string `json:"env"`
	Dir     string            `json:"dir"`
}

// A runtimeClient is a program's side of the Runtime API.
type runtimeClient struct{ url string }

// A said is what the API answered.
type said struct {
	status int
	header http.Header
	body   []byte
}

func (r runtimeClient) get(path string) said { return r.do(http.MethodGet, path, "") }

func (r runtimeClient) post(path, body string, header ...string) said {
	return r.do(http.MethodPost, path, body, header...)
}

func (r runtimeClient) do(method, path, body string, header ...string) said {
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return r.send(req)
}

// send ends the program if the service has gone.
func (runtimeClient) send(req *http.Request) said {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(9)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		os.Exit(9)
	}
	return said{resp.StatusCode, resp.Header, body}
}

// runProgram is the program of a function, for which the test binary is started again. It never returns.
func runProgram() {
	r := runtimeClient{"http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime"}
	fmt.Println("starting")
	start := 1
	if dir := os.Getenv("STARTS"); dir != "" {
		start = arrive(dir)
	}
	how := strings.Split(os.Getenv("INIT"), ",") // of each start, and the last one of all that follow
	r.initialize(how[min(start, len(how))-1])
	for {
		next := r.get("/invocation/next")
		if next.status != http.StatusOK {
			panic(next.status)
		}
		r.handle(next.header, next.body)
	}
}

// arrive adds a file to dir and returns how many are there.
func arrive(dir string) int {
	f, err := os.CreateTemp(dir, "start-")
	if err != nil {
		panic(err)
	}
	_ = f.Close()
	return count(dir)
}

func count(dir string) int {
	files, err := os.ReadDir(dir)
	if err != nil {
		os.Exit(9) // the test is over
	}
	return len(files)
}

func (r runtimeClient) initialize(how string) {
	switch how {
	case "":
	case "error":
		r.post("/init/error", `{"errorType":"Runtime.ImportModuleError","errorMessage":"no module","stackTrace":[]}`,
			"Lambda-Runtime-Function-Error-Type", "Runtime.ImportModuleError")
		fmt.Println("I could not start")
		os.Exit(1)
	case "error and stay":
		r.post("/init/error", `{"errorMessage":"I stay"}`, "Lambda-Runtime-Function-Error-Type", "silly")
		time.Sleep(time.Hour)
	case "exit":
		fmt.Println("I exit")
		os.Exit(7)
	case "leave":
		os.Exit(0)
	case "hang":
		time.Sleep(time.Hour)
	default:
		panic(how)
	}
}

func (r runtimeClient) handle(h http.Header, payload []byte) {
	id := h.Get("Lambda-Runtime-Aws-Request-Id")
	answer := func(text string) int { return r.post("/invocation/"+id+"/response", text).status }
	fail := func(text string) { r.post("/invocation/"+id+"/error", text) }
	var t task
	if err := json.Unmarshal(payload, &t); err != nil {
		fail(`{"errorMessage":"` + err.Error() + `"}`)
		return
	}
	switch t.Do {
	case "": // of an empty payload
		answer(`{"echo":` + string(payload) + `}`)
	case "answer":
		answer(t.Text)
	case "fail":
		fail(t.Text)
	case "see":
		s := sight{PID: os.Getpid(), Headers: make(map[string]string), Env: make(map[string]string)}
		for name := range h {
			s.Headers[name] = h.Get(name)
		}
		for _, kv := range os.Environ() {
			name, value, _ := strings.Cut(kv, "=")
			s.Env[name] = value
		}
		s.Dir, _ = os.Getwd()
		body, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		answer(string(body))
	case "print":
		fmt.Fprint(os.Stdout, t.Text)
		fmt.Fprint(os.Stderr, t.Text)
		answer(`"printed"`)
	case "large":
		if status := answer(`"` + strings.Repeat("x", t.N-2) + `"`); status != http.StatusAccepted {
			fmt.Println("the response was refused with", status)
		}
	case "large error":
		fail(`"` + strings.Repeat("x", t.N-2) + `"`)
	case "exit":
		fmt.Print("on my way out")
		os.Exit(t.N)
	case "kill":
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	case "hang":
		fmt.Print("hanging")
		time.Sleep(time.Hour)
	case "child":
		cmd := exec.Command("sleep", "3600")
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(t.Dir, "child"), fmt.Append(nil, cmd.Process.Pid), 0o600); err != nil {
			panic(err)
		}
		time.Sleep(time.Hour)
	case "answer and exit":
		answer(`"before"`)
		os.Exit(t.N)
	case "answer and hang":
		answer(`"before"`)
		time.Sleep(time.Hour)
	case "answer and exit later":
		go func() { // when it has asked for the next invocation
			for count(t.Dir) == 0 {
				time.Sleep(time.Millisecond)
			}
			os.Exit(3)
		}()
		answer(fmt.Sprint(os.Getpid()))
	case "meet": // as many as N, all at once
		arrive(t.Dir)
		for count(t.Dir) < t.N {
			time.Sleep(time.Millisecond)
		}
		answer(fmt.Sprint(os.Getpid()))
	case "break the rules":
		r.breakRules(id)
	case "stream":
		r.stream(id)
	default:
		fail(`{"errorMessage":"unknown task"}`)
	}
}

// breakRules makes calls that the API does not allow now, and answers what it said to them.
func (r runtimeClient) breakRules(id string) {
	var all strings.Builder
	for _, s := range []said{
		r.get("/invocation/next"),
		r.post("/invocation/nobody/response", "{}"),
		r.post("/invocation/nobody/error", "{}"),
		r.post("/init/error", "{}"),
		r.get("/nothing"),
		r.get("/invocation/" + id + "/response"),
	} {
		fmt.Fprintf(&all, "%d %s\n", s.status, bytes.TrimSpace(s.body))
	}
	text, err := json.Marshal(all.String())
	if err != nil {
		panic(err)
	}
	r.post("/invocation/"+id+"/response", string(text))
	again := r.post("/invocation/"+id+"/response", "{}")
	fmt.Println("a second answer:", again.status, string(again.body))
}

// stream answers with a response that it cannot finish, as aws-lambda-go does when its reader fails.
func (r runtimeClient) stream(id string) {
	pr, pw := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, r.url+"/invocation/"+id+"/response", pr)
	if err != nil {
		panic(err)
	}
	req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
	go func() {
		_, _ = io.WriteString(pw, `{"half":`)
		req.Trailer.Set("Lambda-Runtime-Function-Error-Type", "Function.Torn")
		req.Trailer.Set("Lambda-Runtime-Function-Error-Body", "eyJlcnJvck1lc3NhZ2UiOiJ0b3JuIn0=") // {"errorMessage":"torn"}
		_ = pw.Close()
	}()
	r.send(req)
}

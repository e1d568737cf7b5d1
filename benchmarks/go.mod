module github.com/lambdabatch/lambdabatch/benchmarks

go 1.25.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7
	github.com/aws/aws-sdk-go-v2/service/lambda v1.114.2
	github.com/aws/smithy-go v1.28.8
	github.com/cenkalti/backoff/v4 v4.3.0
	github.com/google/pprof v0.0.0-20250317173921-a4b03ec1a45e // later ones want Go 1.26
	github.com/graph-gophers/dataloader/v7 v7.1.0
	github.com/lambdabatch/lambdabatch v0.0.0
	github.com/vikstrous/dataloadgen v0.0.10
	gocloud.dev v0.46.0
	golang.org/x/time v0.15.0
	google.golang.org/api v0.290.0
)

require (
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.26 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.10 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.10 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.opentelemetry.io/otel v1.44.0 // indirect
	go.opentelemetry.io/otel/trace v1.44.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
)

replace github.com/lambdabatch/lambdabatch => ../

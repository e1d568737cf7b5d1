package replay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

var errTooOften = errors.New("the server did not process the request, time and again, nor its replays")

// ByNetHTTP is an option of a client or a call that leaves the replays to net/http, by giving the requests a GetBody.
// Where a middleware of the user's has set one, that stays.
//
// It is not quite certain: net/http takes a stream that the peer reset with PROTOCOL_ERROR for unprocessed as well. And an
// http.Client that has GetBody follows the redirects of a POST (307 and 308), as its CheckRedirect says.
func ByNetHTTP(o *lambda.Options) {
	const id = "LambdabatchGetBody"
	m := middleware.DeserializeMiddlewareFunc(id, func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok && r.GetBody == nil {
			r.GetBody = getBody(r)
		}
		return next.HandleDeserialize(ctx, in)
	})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if _, twice := stack.Deserialize.Get(id); twice {
			return nil
		}
		// In the last step, for those before may replace the body. Each attempt of the SDK's comes through here with a
		// request of its own.
		return stack.Deserialize.Add(m, middleware.After)
	})
}

// getBody is the GetBody of r; nil if its body cannot be read more than once.
func getBody(r *smithyhttp.Request) func() (io.ReadCloser, error) {
	body, ok := r.GetStream().(interface {
		io.ReaderAt // which leaves alone the reader of the attempt before
		io.Seeker
	})
	if !ok {
		return nil
	}
	start, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	size, ok, err := r.StreamLength()
	if !ok || err != nil {
		return nil
	}
	var replays atomic.Int32
	return func() (io.ReadCloser, error) {
		if replays.Add(1) > most {
			return nil, errTooOften
		}
		if size == 0 {
			return http.NoBody, nil
		}
		return io.NopCloser(io.NewSectionReader(body, start, size)), nil
	}
}

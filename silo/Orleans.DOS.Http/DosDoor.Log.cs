using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Http;

internal sealed partial class DosDoor
{
    [LoggerMessage(1, LogLevel.Error, "A {Method} call ({Trace}) ended in an exception that no failure of the list explains")]
    private partial void LogBug(string method, string trace, Exception exception);
}

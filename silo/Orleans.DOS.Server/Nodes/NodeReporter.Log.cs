using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Server.Nodes;

internal sealed partial class NodeReporter
{
    [LoggerMessage(LogLevel.Warning, "The node table does not answer: {Reason}")]
    private partial void NotReported(string reason);
}

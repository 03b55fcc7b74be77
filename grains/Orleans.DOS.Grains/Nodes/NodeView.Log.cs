using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Nodes;

public sealed partial class NodeView
{
    [LoggerMessage(LogLevel.Information, "Membership version {Version}: active nodes {Nodes}")]
    private partial void Changed(long version, string nodes);
}

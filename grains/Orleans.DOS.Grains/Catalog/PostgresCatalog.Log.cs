using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Catalog;

internal sealed partial class PostgresCatalog
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Run {Attempt} of a catalog transaction was undone by the database ({SqlState}); running it again")]
    private static partial void LogRetry(ILogger logger, int attempt, string sqlState);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A catalog transaction failed")]
    private static partial void LogFailure(ILogger logger, Exception failure);
}

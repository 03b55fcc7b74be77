using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Catalog;

internal sealed partial class SqliteWriter
{
    [LoggerMessage(Level = LogLevel.Error, Message = "A batch of {Count} catalog writes failed; none of them was carried out")]
    private static partial void LogBatchFailed(ILogger logger, int count, Exception failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A catalog write ended the whole transaction; the others of its batch run again")]
    private static partial void LogTransactionLost(ILogger logger, Exception failure);
}

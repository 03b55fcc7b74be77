using Orleans.DOS.Clock;

namespace Orleans.DOS.Files;

/// <summary>Who writes, and how.</summary>
internal sealed record WriteRequest(RequestId Request, long Hash, HybridTime Time, bool Durable, string Writer);

namespace Orleans.DOS.Client;

/// <summary>
/// Gives each changing call its request id. Free running: a random sender and a counter. Derived from one id that a caller named: the
/// first call carries that id itself, the n-th one an id computed from it, so that a repeat of the whole gives the same ids again.
/// </summary>
internal sealed class RequestIds
{
    private readonly RequestId? _root;
    private readonly long _sender;
    private long _number;

    /// <param name="salt">
    /// Tells two derivations from one id apart: of the calls of a client, and of the calls that a door makes for one of those under its id.
    /// </param>
    public RequestIds(RequestId? root = null, long salt = 0)
    {
        _root = root;
        _sender = root is { } id ? Mix(id.Sender ^ salt, id.Number) : RequestId.New().Sender;
    }

    /// <exception cref="DosException">InvalidArgument.</exception>
    public static RequestId Named(RequestId request) => request != RequestId.None
        ? request
        : throw new DosException(DosErrorCode.InvalidArgument, "a request id is not 0");

    public RequestId Next()
    {
        var number = Interlocked.Increment(ref _number);
        return _root is { } root && number == 1 ? root : new RequestId(_sender, number);
    }

    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of both numbers reaches every bit of the result.
    private static long Mix(long sender, long number)
    {
        unchecked
        {
            var z = (ulong)sender + ((ulong)number * 0x9e3779b97f4a7c15UL);
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
            return (long)(z ^ (z >> 31));
        }
    }
}

namespace Orleans.DOS.Segments;

/// <summary>An fsync failed: Linux may have dropped the pages, so that a next one that succeeds would prove nothing.</summary>
internal sealed class FlushFailedException : IOException
{
    public FlushFailedException(string what)
        : base(what)
    {
    }

    /// <param name="cause">Its error number is this one's too.</param>
    public FlushFailedException(IOException cause)
        : base(cause.Message, cause) => HResult = cause.HResult;
}

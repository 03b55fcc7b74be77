namespace Orleans.DOS.Cli;

/// <summary>Tells a failure as one sentence with its code on standard error; never a stack trace.</summary>
internal static class Failure
{
    public static int Tell(DosError error)
    {
        Console.Error.WriteLine($"dos: {OneLine(error.Message)} [{error.Code}]");
        return ExitCodes.Of(error.Code);
    }

    public static int Usage(string sentence)
    {
        Console.Error.WriteLine($"dos: {OneLine(sentence)} [{DosErrorCode.InvalidArgument}]; 'dos --help' tells how it is used");
        return ExitCodes.Usage;
    }

    /// <summary>What an exception means to the user. What is not of the closed list and not of the local disk is a bug, and is called so.</summary>
    public static DosError Of(Exception failure) => failure switch
    {
        DosException known => known.Error,
        OperationCanceledException => new DosError(DosErrorCode.Cancelled, "interrupted"),
        FileNotFoundException or DirectoryNotFoundException => new DosError(DosErrorCode.NoSuchPath, failure.Message.TrimEnd('.')),
        UnauthorizedAccessException => new DosError(DosErrorCode.PermissionDenied, failure.Message.TrimEnd('.')),
        // ENOSPC and EISDIR have no exception of their own.
        IOException when failure.HResult == 28 => new DosError(DosErrorCode.NoSpace, failure.Message.TrimEnd('.')),
        IOException when failure.HResult == 21 => new DosError(DosErrorCode.IsADirectory, failure.Message.TrimEnd('.')),
        IOException => new DosError(DosErrorCode.Unavailable, failure.Message.TrimEnd('.')),
        _ => new DosError(DosErrorCode.Internal, $"a bug: {failure.GetType().Name}: {failure.Message.TrimEnd('.')}"),
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Replace("\t", "", StringComparison.Ordinal).Replace("\0", "\\0", StringComparison.Ordinal).TrimEnd('.', ' ');
}

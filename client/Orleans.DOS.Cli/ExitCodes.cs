namespace Orleans.DOS.Cli;

/// <summary>What the command's exit status says. `run` and `wait` answer the status of the process instead.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    /// <summary>The machine cannot be reached, or the outcome is unknown: try again.</summary>
    public const int Unavailable = 69;
    /// <summary>Ended by Ctrl-C.</summary>
    public const int Interrupted = 130;
}

/// <summary>Makes one sentence with its code out of a failure; a stack trace is for nobody.</summary>
internal static class Failures
{
    public static int Tell(Exception failure)
    {
        var (code, message) = failure switch
        {
            DosException dos => (dos.Code, dos.Message),
            OperationCanceledException => (DosErrorCode.Cancelled, "interrupted"),
            UnauthorizedAccessException or IOException => (DosErrorCode.Unavailable, failure.Message),
            HttpRequestException => (DosErrorCode.Unavailable, failure.Message),
            _ => (DosErrorCode.Internal, $"{failure.GetType().Name}: {failure.Message}"),
        };
        Console.Error.WriteLine($"dos: {message.TrimEnd('.')} [{code}]");
        return code switch
        {
            DosErrorCode.Cancelled => ExitCodes.Interrupted,
            DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown => ExitCodes.Unavailable,
            DosErrorCode.InvalidArgument => ExitCodes.Usage,
            _ => ExitCodes.Failed,
        };
    }
}

namespace Orleans.DOS.Cli;

/// <summary>Exit codes of <c>dos</c>; <c>run</c> and <c>wait</c> hand on that of the process instead.</summary>
internal static class ExitCodes
{
    public const int Failed = 1;
    public const int Usage = 2;
    /// <summary>The data directory, the ports or the schema are someone else's: starting again will not help.</summary>
    public const int Refused = 3;
    /// <summary>Nothing answered, or the outcome is unknown: trying again may help.</summary>
    public const int Unavailable = 4;
    /// <summary>Ended by Ctrl-C, as in a shell.</summary>
    public const int Interrupted = 130;

    public static int Of(DosErrorCode code) => code switch
    {
        DosErrorCode.InUse or DosErrorCode.PortInUse or DosErrorCode.WrongCluster or DosErrorCode.SchemaTooNew or DosErrorCode.SchemaTooOld => Refused,
        DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown => Unavailable,
        DosErrorCode.InvalidArgument => Usage,
        DosErrorCode.Cancelled => Interrupted,
        _ => Failed,
    };
}

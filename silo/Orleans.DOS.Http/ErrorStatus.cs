namespace Orleans.DOS.Http;

/// <summary>The fixed table from the closed list of failures to the status codes of HTTP. The member <c>code</c> of the problem says exactly which it was.</summary>
public static class ErrorStatus
{
    /// <summary>What nginx says of a client that went away; no registered status says it.</summary>
    public const int ClientClosedRequest = 499;

    public static int Of(DosErrorCode code) => code switch
    {
        DosErrorCode.InvalidArgument or DosErrorCode.InvalidPath or DosErrorCode.NameTooLong or DosErrorCode.PathTooLong => 400,
        DosErrorCode.Unauthenticated => 401,
        DosErrorCode.PermissionDenied or DosErrorCode.ReadOnlyPath => 403,
        DosErrorCode.NoSuchPath or DosErrorCode.NoSuchProcess or DosErrorCode.NoSuchJob or DosErrorCode.NoSuchNode or DosErrorCode.NoSuchMachine
            or DosErrorCode.UnknownProgram => 404,
        DosErrorCode.Conflict or DosErrorCode.PathExists or DosErrorCode.NotADirectory or DosErrorCode.IsADirectory or DosErrorCode.DirectoryNotEmpty
            or DosErrorCode.TooManyLinks or DosErrorCode.WouldCycle or DosErrorCode.NotRunning or DosErrorCode.PipeClosed or DosErrorCode.WrongCluster
            or DosErrorCode.InUse or DosErrorCode.PortInUse => 409,
        DosErrorCode.Stale => 412,
        DosErrorCode.LimitExceeded => 413,
        DosErrorCode.StepDiverged => 422,
        DosErrorCode.Cancelled => ClientClosedRequest,
        DosErrorCode.Internal or DosErrorCode.Damaged or DosErrorCode.SchemaTooNew or DosErrorCode.SchemaTooOld => 500,
        DosErrorCode.NotSupported => 501,
        DosErrorCode.Unavailable => 503,
        DosErrorCode.OutcomeUnknown => 504,
        DosErrorCode.NoSpace => 507,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "a new code needs a status in this table"),
    };
}

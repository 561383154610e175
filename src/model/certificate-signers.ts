// Who signs requests for certificates.

/** Answers machines that want to be nodes. What they get is no certificate: the credential that they made is accepted. */
export const nodeEnrolmentSigner = "lares.dev/node-enrolment";
